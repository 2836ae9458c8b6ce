;; Falls over at once. expect: refused: unreachable
  ;;; start
  (func $start (param i32 i32) (result i32) (unreachable))
