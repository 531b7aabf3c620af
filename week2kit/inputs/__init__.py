"""How the inputs of two records differ: asked by verify and by report."""
