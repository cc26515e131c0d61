"""What is true and what is allowed: eligibility, pace, the retry message, progress. Touches nothing."""
