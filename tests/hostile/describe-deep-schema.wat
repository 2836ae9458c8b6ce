;; Has a config schema of ten thousand brackets. expect: refused: recursion limit
  ;;; describe
  (func $describe (result i32)
    (memory.fill (i32.const 65536) (i32.const 91) (i32.const 10000))
    (i32.store (i32.const 424) (i32.const 65536))
    (i32.store (i32.const 428) (i32.const 10000))
    (i32.const 384))
