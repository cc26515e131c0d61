"""What a report says: its columns, words, cells and totals. Touches nothing."""
