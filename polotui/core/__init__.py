"""What does everything stand on? Clock, ids, settings, paths, errors, tasks, publishing, logs, safe text."""
