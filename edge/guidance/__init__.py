"""What the person sees: prompts in their language, light patterns. Pure description that a screen draws."""
