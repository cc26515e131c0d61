"""The log in MongoDB: which index answers a question, from where to where, and the reading itself."""
