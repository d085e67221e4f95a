"""What would have happened? The kernel, the runner, comparison, checks and sweeps."""
