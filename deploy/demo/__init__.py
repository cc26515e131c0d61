"""A believable shop: simulated connectors of several marketplaces that publish, fail, and answer retries.

`ponte up --demo` starts it. All of it is invented and seeded: the same shop says the same things under the same ids.
"""
