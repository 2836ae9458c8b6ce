;; Has a name that would clear the terminal. expect: refused: is not kebab-case
  ;;; describe
  (func $describe (result i32)
    (i32.store (i32.const 384) (i32.const 128))
    (i32.store (i32.const 388) (i32.const 8))
    (i32.const 384))
