;; WASI's first preview with nothing behind it: no arguments, no environment, no files, a clock that stands still, zeros for
;; randomness, and output that goes nowhere. (A clock at zero would end Go's runtime.) It imports nothing, so that a runtime may call it at any moment, also while
;; the host hands over a list. Errors: 0 success, 8 bad descriptor, 52 not supported.
(module
    (import "env" "memory" (memory 0))

    (func $zero (param $first i32) (param $second i32) (result i32)
        (i32.store (local.get $first) (i32.const 0))
        (i32.store (local.get $second) (i32.const 0))
        (i32.const 0))
    (func $nothing (param i32 i32) (result i32) (i32.const 0))

    (export "args_sizes_get" (func $zero))
    (export "args_get" (func $nothing))
    (export "environ_sizes_get" (func $zero))
    (export "environ_get" (func $nothing))

    (func (export "clock_time_get") (param i32 i64 i32) (result i32)
        (i64.store (local.get 2) (i64.const 1))
        (i32.const 0))
    (func (export "clock_res_get") (param i32 i32) (result i32)
        (i64.store (local.get 1) (i64.const 1))
        (i32.const 0))
    (func (export "random_get") (param i32 i32) (result i32)
        (memory.fill (local.get 0) (i32.const 0) (local.get 1))
        (i32.const 0))
    (func (export "sched_yield") (result i32) (i32.const 0))
    (func (export "proc_exit") (param i32) (unreachable))
    (func (export "adapter_monotonic_clock_set_paused") (param i32))

    ;; A wait is over at once.
    (func (export "poll_oneoff") (param $subscriptions i32) (param $events i32) (param $count i32) (param $ready i32)
        (result i32)
        (memory.fill (local.get $events) (i32.const 0) (i32.mul (local.get $count) (i32.const 32)))
        (i32.store (local.get $ready) (local.get $count))
        (i32.const 0))

    (func (export "fd_write") (param $descriptor i32) (param $pieces i32) (param $count i32) (param $written i32) (result i32)
        (local $sum i32)
        (loop $next
            (if (local.get $count)
                (then
                    (local.set $sum (i32.add (local.get $sum) (i32.load offset=4 (local.get $pieces))))
                    (local.set $pieces (i32.add (local.get $pieces) (i32.const 8)))
                    (local.set $count (i32.sub (local.get $count) (i32.const 1)))
                    (br $next))))
        (i32.store (local.get $written) (local.get $sum))
        (i32.const 0))
    (func (export "fd_read") (param i32 i32 i32 i32) (result i32)
        (i32.store (local.get 3) (i32.const 0))
        (i32.const 0))
    (func (export "fd_close") (param i32) (result i32) (i32.const 0))
    (func (export "fd_fdstat_get") (param i32 i32) (result i32)
        (memory.fill (local.get 1) (i32.const 0) (i32.const 24))
        (i32.const 0))
    (func (export "fd_fdstat_set_flags") (param i32 i32) (result i32) (i32.const 0))
    (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) (i32.const 52))
    (func (export "fd_prestat_get") (param i32 i32) (result i32) (i32.const 8))
    (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (i32.const 8))
    (func (export "fd_filestat_get") (param i32 i32) (result i32) (i32.const 8))
    (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 8))
    (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8)))
