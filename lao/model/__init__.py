"""Models and pure rules: names, versions, kinds, capabilities, the manifest, values and workflow files.

Nothing here does I/O except `read_manifest`. Import the module you need; this package imports none of them,
so that listing plugins does not pay for pydantic.
"""
