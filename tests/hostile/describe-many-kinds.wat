;; Declares ten thousand kinds of findings. expect: refused: 10000 kinds of findings, 256 are allowed
  ;;; describe
  (func $describe (result i32)
    (drop (memory.grow (i32.const 10)))
    (i32.store (i32.const 408) (i32.const 65536))
    (i32.store (i32.const 412) (i32.const 10000))
    (i32.const 384))
