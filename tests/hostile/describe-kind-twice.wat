;; Declares one kind of finding twice. expect: refused: `odd-thing` is declared twice
  ;;; describe
  (func $describe (result i32)
    (memory.copy (i32.const 284) (i32.const 256) (i32.const 28))
    (i32.store (i32.const 412) (i32.const 2))
    (i32.const 384))
