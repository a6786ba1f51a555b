# Writes OUTPUT, the definition of the function FUNCTION that HEADER declares in NAMESPACE: a span of TYPE, which has the
# path and the text of each file. FILES are relative to SOURCE, separated by commas.
file(WRITE ${OUTPUT}.new "// Made by runtime/embed_files.cmake.
#include \"${HEADER}\"

namespace ${NAMESPACE} {

std::span<const ${TYPE}> ${FUNCTION}() {
  static constexpr ${TYPE} files[] = {
")
string(REPLACE "," ";" files "${FILES}")
foreach(file ${files})
  file(READ ${SOURCE}/${file} text)
  file(APPEND ${OUTPUT}.new "{\"${file}\", R\"sluice(${text})sluice\"},\n")
endforeach()
file(APPEND ${OUTPUT}.new "  };
  return files;
}

}  // namespace ${NAMESPACE}
")
file(RENAME ${OUTPUT}.new ${OUTPUT})
