"""What TA-Lib lacks, or what takes several of its functions: one file each with `values`."""
