;; Looks at its state when it starts, and remembers in its memory whether there was something. expect: ok: guest
  (import "watchfire:detector/state@0.1.0" "get" (func $get (param i32 i32 i32)))
  ;;; start
  (global $seen (mut i32) (i32.const 0))
  (func $start (param i32 i32) (result i32)
    (call $get (i32.const 16) (i32.const 5) (i32.const 3072))
    (global.set $seen (i32.load8_u (i32.const 3072)))
    (i32.const 576))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (if (global.get $seen) (then (unreachable)))
    (i32.const 768))
