# Watches one VMM and outlives the daemon: `sh -c TEXT NAME TOKEN CONSOLE_BYTES EVENT_BYTES ARGV...` in the run directory.
# The text is handed over whole, because sh reads a script file bit by bit while it runs and upgrades replace files.
token=$1 console_bytes=$2 event_bytes=$3
shift 3
umask 077
mkfifo journal.in events.pipe console.pipe exit.pipe vmm.pipe || exit 1

# Opened for reading and writing, so that no open waits for the other side and none sees an early end.
exec 3<>journal.in 4<>events.pipe 5<>console.pipe 6<>exit.pipe 7<>vmm.pipe

# The QMP monitor on QEMU's standard streams tells its events to the log, from the first one on, without any client.
printf '{"execute":"qmp_capabilities"}\n' >&3
(
  # The pid and start time are those of this subshell and, after exec, of the VMM.
  read -r stat </proc/self/stat
  read -r boot_id </proc/sys/kernel/random/boot_id
  # A VMM that nobody could find again, because the disk is full, would be taken for one that is gone, and started once more.
  printf '%s\n%s\n' "$boot_id" "$stat" >"process-$token" || exit 125
  # Nothing can be put into a ticket that is gone: this run starts here, or was given up by a later daemon.
  true >"ticket-$token.d/used" || exit 125
  true >"started-$token"
  printf '\n' >&6
  # The VMM holds a writing end of each pipe from its first moment: their readers end with it, not before.
  exec "$@" <&3 >events.pipe 2>vmm.pipe 5>console.pipe 6>exit.pipe 3>&- 4>&- 7>&-
) &
vmm=$!
# From here on only the reading ends, and before the VMM is there nothing else: whoever waits for its guest waits for it alone.
# What it says meanwhile stays in the pipes, also when it has ended by then. It begins when it has said so, or never does.
exec 3>&- 4<events.pipe 5<console.pipe 6<exit.pipe 7<vmm.pipe
read -r _ <&6

# Keeps the last one to two times BYTES of its input in FILE and, before it, FILE.K: the K-th part that was full.
keep() {
  exec 4<&- 5<&- 6<&- 7<&-
  full=0
  while :; do
    exec 8>"$1"
    stdbuf -o0 head -c "$2" >&8 8>&-
    # How far this file was written, as the kernel tells it: a program that counts would be started at the end of each VMM.
    read -r _ written </proc/self/fdinfo/8
    [ "$written" -eq "$2" ] || break
    full=$((full + 1))
    mv "$1" "$1.$full"
    rm -f "$1.$((full - 1))"
  done
}
keep events.log "$event_bytes" <&4 &
keep console.log "$console_bytes" <&5 &
keep vmm.log "$event_bytes" <&7 &
head -c 64 <&6 >exit.code 4<&- 5<&- 6<&- 7<&- &
exec 4<&- 5<&- 6<&- 7<&-
wait "$vmm"
status=$?
# The logs are complete once their readers have seen the end.
wait
[ -e "ticket-$token.d/used" ] && printf '%s\n' "$status" >end
