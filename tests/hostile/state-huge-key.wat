;; Writes under a key of a megabyte, and is told that it is none. expect: ok: guest
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (drop (memory.grow (i32.const 20)))
    (call $put (i32.const 65536) (i32.const 1048576) (i32.const 0) (i32.const 0) (i32.const 3072))
    ;; an error, whose code has seven letters: `invalid`
    (if (i32.ne (i32.load8_u (i32.const 3072)) (i32.const 1)) (then (unreachable)))
    (if (i32.ne (i32.load (i32.const 3080)) (i32.const 7)) (then (unreachable)))
    (i32.const 768))
