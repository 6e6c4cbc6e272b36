# Runs a server for exactly as long as this script's standard input stays open.
#
#   sh keeper.sh HOME GRACE JAVA
#
# Works in HOME: JAVA @prepare runs once, then JAVA @server is the server. Standard output reports "started PID" and
# "ended CODE" to the starter, one per line. The programs' output goes to standard error, which the starter redirects to
# the log.
#
# The starter holds the other end of standard input. It writes "restart" there to have the server terminated and started
# again in the same HOME, which is reported like the first start, or "kill" to have it killed and started again. However
# the starter ends (return, panic, abort, SIGKILL), the kernel closes that end. The server is then terminated by its
# process id, killed after GRACE seconds, and HOME, which is temporary, is removed.

home=$1 grace=$2 java=$3
exec 3<&0 </dev/null 4>&1 1>&2
cd "$home" || exit

finish() {
    cd / && rm -rf "$home"
    echo "ended $1" >&4
    exit 0
}

"$java" @prepare || finish $?

start() {
    "$java" @server 3<&- 4>&- &
    server=$!
    # A signal that stops the keeper also stops the server. Set before the report, which invites signals.
    trap 'signalled=yes; kill -KILL "$server"' HUP INT TERM
    echo "$server" >keeper.pid
    echo "started $server" >&4
}
start

(
    while read -r line; do
        case $line in
            restart) signal=TERM ;;
            kill) signal=KILL ;;
            *) continue ;;
        esac
        : >keeper.restart
        kill -"$signal" "$(cat keeper.pid)"
    done
    rm -f keeper.restart
    kill -TERM "$(cat keeper.pid)"
    sleep "$grace"
    kill -KILL "$(cat keeper.pid)"
) <&3 >/dev/null 2>&1 3<&- 4>&- &
guard=$!

# A trapped signal may interrupt `wait`, which then returns the number of that signal and not the code of the server. The
# next one has the code, or 127 if the first had it after all.
await() {
    code=127
    signalled=yes
    while [ "$signalled" ]; do
        signalled=
        wait "$server"
        status=$?
        [ "$status" -eq 127 ] || code=$status
    done
}

while :; do
    await
    [ -e keeper.restart ] || break
    rm keeper.restart
    start
done
kill "$guard" 2>/dev/null
finish "$code"
