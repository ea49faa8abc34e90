"""What passed the gateway, remembered on this machine and nowhere else."""
