"""The audit log: every act once, in the transaction of the change, in a Merkle tree that only grows."""
