"""What is done when no browser is open: expired claims closed, states in doubt asked again, old calls pruned."""
