"""``limner serve``: Limner as an OpenAI-compatible server for other programs.

    desk       what is open: the agent, tenants, turns under way      app        routes together
    gate       Host and Origin, request ids, what may leave           tenants    whose request
    limits     bodies, rates                                          errors     OpenAI's shape
    images     /v1/images/…      jobs   turns of one request          responses  /v1/responses
    streaming  server-sent events                                     running    a real socket

A turn belongs to the server, not to the connection (DESIGN section 4).
"""
