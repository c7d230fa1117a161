"""How good it is and what it looks like: distances beside their floors, and figures."""
