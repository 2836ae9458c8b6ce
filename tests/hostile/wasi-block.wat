;; Waits for a moment that never comes. expect: ok: guest
  (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $sleep (param i64) (result i32)))
  (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $block (call $sleep (i64.const -1)))
    (i32.const 768))
