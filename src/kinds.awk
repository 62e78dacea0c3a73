# kinds.awk - the kind of each C file, told by what it includes, also through
# the headers beside it: prints `pure:oc_buf.c`, `curl:oc_transport.c`,
# `lua:oc.c`, or `both:x.c` for a file that breaks the rule.
#   awk -f kinds.awk *.c *.h

/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
  name = $0
  sub(/^[^<"]*[<"]/, "", name)
  sub(/[>"].*$/, "", name)
  includes[FILENAME] = includes[FILENAME] " " name
}

# Marks what `file` reaches: lua, curl, or nothing.
function visit(file,    list, n, i) {
  if (file in seen) return
  seen[file] = 1
  if (file ~ /^(lua|lauxlib|lualib|luaconf|luajit)\.h$/) lua = 1
  if (file ~ /^curl\//) curl = 1
  n = split(includes[file], list, " ")
  for (i = 1; i <= n; i++) visit(list[i])
}

END {
  for (i = 1; i < ARGC; i++) {
    if (ARGV[i] !~ /\.c$/) continue
    split("", seen)
    lua = curl = 0
    visit(ARGV[i])
    print (lua && curl ? "both" : lua ? "lua" : curl ? "curl" : "pure") ":" ARGV[i]
  }
}
