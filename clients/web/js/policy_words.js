// @ts-check
/** The policies as people read them: name, word, what it means. */

/** @type {[keyof import("../types/daemon").Policy, string, string][]} */
export const POLICY_WORDS = [
  ["require_verified", "Verified models only", "Only models that an administrator of the registry has verified"],
  ["require_signature", "Signed versions only", "Only versions with a good signature of their publisher"],
  ["require_digest", "Checksums required", "Only files whose SHA-256 is known and matches"],
  ["local_entries", "Entries of one's own", "Models that this computer's own entries list, or that no catalog knows"],
  ["direct_urls", "Direct addresses", "Downloads from an address of one's own"],
  ["offline", "Offline", "No connection to anywhere at all"],
  ["report_installs", "Count installs", "The organisation's registry counts what is installed, and nothing else"],
];

export const PUBLISHERS_WORD = "Publishers allowed";
