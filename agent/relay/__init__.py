"""``/v1/responses`` as one turn of ours: state, screening and money around a server that keeps nothing.

    entry    what a request is: a turn, or somebody else's affair      prepare  ids, pictures, texts
    turns    one turn: sent, taken in, told on, kept                   passing  untouched requests
    written  what is on disk before anything is sent                   line     what a client listens to
    kept     responses as rows and as JSON

A turn belongs to the server: whoever leaves in mid-stream finds its answer under its id.
"""
