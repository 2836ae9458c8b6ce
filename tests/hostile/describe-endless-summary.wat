;; Sums itself up in six megabytes. expect: refused: more than 4194304 bytes at once
  ;;; describe
  (func $describe (result i32)
    (drop (memory.grow (i32.const 100)))
    (memory.fill (i32.const 131072) (i32.const 97) (i32.const 6000000))
    (i32.store (i32.const 400) (i32.const 131072))
    (i32.store (i32.const 404) (i32.const 6000000))
    (i32.const 384))
