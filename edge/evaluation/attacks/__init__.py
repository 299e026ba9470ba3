"""The attack bench: simulated people and attacks before simulated terminals, counted as ISO/IEC 30107-3 does."""
