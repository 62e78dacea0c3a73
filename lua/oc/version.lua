--- The version of oc: once, for the rockspec, the command line and User-Agent.
return "0.1.0"
