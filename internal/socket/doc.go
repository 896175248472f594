// Package socket reads from and writes to connected stream sockets.
//
// Package net's reads and writes tell Go's scheduler first that a system call may block, which costs
// more than the bookkeeping: the first such call after all processors were idle wakes the thread that
// looks after blocked calls, and that thread then wakes every 20 microseconds for at least a
// millisecond (runtime.sysmon). A gateway whose streams get a piece of text now and then spends an
// eighth of its processor time on that. Sockets of package net never block, so on Linux this package
// makes their calls without telling the scheduler.
package socket
