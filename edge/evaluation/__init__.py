"""How well it works: ISO/IEC 30107-3 figures, runs over indexed pictures, the demo and the bench."""
