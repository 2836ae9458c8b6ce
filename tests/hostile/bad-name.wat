;; Is called 0.1.0. expect: refused: not kebab-case
  ;;; describe
  (func $describe (result i32)
    (i32.store (i32.const 384) (i32.const 32))
    (i32.const 384))
