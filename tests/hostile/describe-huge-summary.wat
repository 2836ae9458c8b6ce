;; Sums itself up in three megabytes. expect: ok: guest
  ;;; describe
  (func $describe (result i32)
    (drop (memory.grow (i32.const 60)))
    (memory.fill (i32.const 131072) (i32.const 97) (i32.const 3000000))
    (i32.store (i32.const 400) (i32.const 131072))
    (i32.store (i32.const 404) (i32.const 3000000))
    (i32.const 384))
