"""The MCP door: ``limner mcp``, a hand that draws for any agent (DESIGN sections 2 and 9).

    serving    stdio or streamable HTTP           catalogue  the six tools as clients list them
    server     requests → answers                 schemas    what they take and give
    calls      one tool call, start to end        paths      which files a call may touch
    workroom   the agent, opened by the first     answers    turns as results a model reads
               call, and the calls under way      previews   pictures small enough for a message
    jobs       one call's turns, which outlive    host       what is asked of the client: its
               whoever waits for them                        roots, a person's word
    guard      who may come in over HTTP

Nothing heavy is imported before the first call needs it: a client that waits for the answer to
``initialize`` is impatient.
"""
