"""Models and training steps written for PyTorch; in these files only the imports name dualgraph."""
