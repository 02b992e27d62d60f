"""How tokens of features meet: `[B, F, D]` in, `[B, out_tokens, D]` out."""
