;; Sleeps for a hundred years. expect: ok: guest
  (import "wasi:io/poll@0.2.0" "poll" (func $poll (param i32 i32 i32)))
  (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $sleep (param i64) (result i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (i32.store (i32.const 2048) (call $sleep (i64.const 3155760000000000000)))
    (call $poll (i32.const 2048) (i32.const 1) (i32.const 3072))
    (i32.const 768))
