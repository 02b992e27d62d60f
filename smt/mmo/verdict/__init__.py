"""What fresh seeds and other models say of a technique: whether it generalizes."""
