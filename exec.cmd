@rem "exec" of package.json, which Windows does not have: there npm passes on no signal, and nothing else is needed.
@%*
