;; Asks the chain three questions of two megabytes each. expect: ok: guest
  (import "watchfire:detector/chain@0.1.0" "call" (func $call (param i32 i32 i32 i32 i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (local $left i32)
    (drop (memory.grow (i32.const 60)))
    (i32.store8 (i32.const 65536) (i32.const 1))
    (local.set $left (i32.const 3))
    (loop $more
      (i32.store (i32.const 65540) (local.get $left))
      (call $call (i32.const 4096) (i32.const 20) (i32.const 65536) (i32.const 2000000) (i32.const 3072))
      (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    ;; the last one was refused: `budget`
    (if (i32.ne (i32.load8_u (i32.const 3072)) (i32.const 1)) (then (unreachable)))
    (if (i32.ne (i32.load (i32.const 3080)) (i32.const 6)) (then (unreachable)))
    (i32.const 768))
