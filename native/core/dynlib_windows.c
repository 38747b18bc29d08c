#include <string.h>
#include <windows.h>

#include "dynlib.h"

lao_status_t lao__dynlib_open(const char *path, void **handle, lao__error_t *error) {
    wchar_t wide[32768];
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, 32768) == 0) {
        return lao__fail(error, LAO_LOAD_FAILED, "`%s` is not a valid path", path);
    }
    /* Dependencies are looked for beside the library and in the system folder, never in PATH or the current one. */
    *handle = (void *)LoadLibraryExW(wide, NULL, LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_SYSTEM32);
    if (*handle == NULL) {
        return lao__fail(error, LAO_LOAD_FAILED, "the loader refused it (Windows error %lu)", GetLastError());
    }
    return LAO_OK;
}

static MEMORY_BASIC_INFORMATION region_at(const void *address) {
    MEMORY_BASIC_INFORMATION info;
    memset(&info, 0, sizeof info);
    VirtualQuery(address, &info, sizeof info);
    return info;
}

bool lao__dynlib_find(void *handle, const char *name, lao__symbol_t *symbol) {
    FARPROC address = GetProcAddress((HMODULE)handle, name);
    memset(symbol, 0, sizeof *symbol);
    if (address == NULL) {
        return false;
    }
    memcpy(&symbol->address, &address, sizeof address);
    /* PE exports carry no type; code and data lie in sections of different protection. */
    symbol->kind = lao__dynlib_is_code(symbol->address) ? LAO__SYMBOL_FUNCTION : LAO__SYMBOL_OBJECT;
    return true;
}

bool lao__dynlib_is_code(const void *address) {
    const DWORD executable = PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
    MEMORY_BASIC_INFORMATION info = region_at(address);
    return info.State == MEM_COMMIT && info.Type == MEM_IMAGE && (info.Protect & executable) != 0;
}

size_t lao__dynlib_readable_bytes(const void *address) {
    MEMORY_BASIC_INFORMATION info = region_at(address);
    if (info.State != MEM_COMMIT || (info.Protect & (PAGE_NOACCESS | PAGE_GUARD)) != 0) {
        return 0;
    }
    return info.RegionSize - (size_t)((const char *)address - (const char *)info.BaseAddress);
}
