"""What the processes of a training script read, write, start and load, as far as it can be seen."""
