;; Has a config schema of three megabytes. expect: refused: a config schema of 3000000 bytes
  ;;; describe
  (func $describe (result i32)
    (drop (memory.grow (i32.const 60)))
    (memory.fill (i32.const 131072) (i32.const 32) (i32.const 3000000))
    (i32.store (i32.const 424) (i32.const 131072))
    (i32.store (i32.const 428) (i32.const 3000000))
    (i32.const 384))
