;; Reads from the operator's keyboard. expect: ok: guest
  (import "wasi:cli/stdin@0.2.0" "get-stdin" (func $stdin (result i32)))
  (import "wasi:io/streams@0.2.0" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $read (call $stdin) (i64.const 100) (i32.const 3072))
    ;; it is closed
    (if (i32.ne (i32.load8_u (i32.const 3072)) (i32.const 1)) (then (unreachable)))
    (i32.const 768))
