;; Has two memories, each within the limit, both together past it. expect: refused: `limits.memory_bytes` is
  ;;; end
  (memory $second 640)
  (memory $third 640)
