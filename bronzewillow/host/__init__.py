"""The ground that all three packages may stand on: child processes, tasks, state folders, atomic files."""
