"""The service: people, workspaces, assets, workflows and runs around the engine.

config      settings, urls, asgi, celery
web         the built front end, health, content security policy
runs        queue, claim, lease, execution, events, websocket
workflows   saved graphs and their versions
assets      content-addressed inputs and outputs
workspaces  tenants, members, rights
accounts    users and sign-in
common      error tree, problem JSON, ids, paging, limits: imports no other app
"""
