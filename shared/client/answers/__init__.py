"""What the API answers, typed. Each class is called as in `/openapi.json`, and a test holds the two together."""
