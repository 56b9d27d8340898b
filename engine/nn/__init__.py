"""Layers, their initial weights, and all parameters of a model as one flat vector."""
