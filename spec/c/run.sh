# run.sh TITLE PROGRAM... - runs test programs one after the other from the root
# of the tree. Passes stay short, failures are shown in full, and the last line
# is `N passed, N failed` over all of them. A program that is missing (did not
# build), crashes, hangs or never says its own counts is one failure more.
# WRAP is put before each program; with CORPUS, fuzz_x is given CORPUS/x.

title=$1
shift
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT TERM

limit=''
# Seconds; valgrind and its like are some 30 times slower.
if timeout --foreground 1 true 2>/dev/null; then
  limit="timeout --foreground 120"
  if [ -n "${WRAP-}" ]; then limit="timeout --foreground 1800"; fi
fi

passed=0 failed=0 programs=0

# Reads `N passed, N failed` off the log's last line into p and f.
read_counts() {
  p='' f=''
  last=$(tail -n 1 "$log")
  case $last in
    [0-9]*\ passed,\ [0-9]*\ failed) p=${last%% *} f=${last#*, } f=${f%% *} ;;
  esac
}

for program in "$@"; do
  name=${program##*/}
  programs=$((programs + 1))
  : >"$log"
  status=127
  if [ -x "$program" ]; then
    # $limit and $WRAP are commands with arguments: split on purpose.
    if [ -n "${CORPUS-}" ]; then
      set_of=$CORPUS/${name#fuzz_}
      $limit ${WRAP-} "$program" "$set_of" >"$log" 2>&1
    else
      $limit ${WRAP-} "$program" >"$log" 2>&1
    fi
    status=$?
  else
    echo "$program: did not build" >"$log"
  fi
  read_counts
  if [ "$status" -eq 0 ] && [ -n "$p" ] && [ "$f" -eq 0 ]; then
    passed=$((passed + p))
    continue
  fi
  passed=$((passed + ${p:-0}))
  if [ "${f:-0}" -gt 0 ]; then
    failed=$((failed + f))
  else
    failed=$((failed + 1))
    echo "(ended with status $status)" >>"$log"
  fi
  echo "--- $name"
  tail -n 200 "$log"
done

echo "$title: $programs programs"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
